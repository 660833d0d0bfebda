package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Size returns how many bytes the trail has: its file and what that was rotated to, not compressed.
func (t *Trail) Size() (size int64, err error) {
	names, err := family(t.c.Path)
	if err != nil {
		return 0, fmt.Errorf("audit trail: %w", err)
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) { // moved away meanwhile
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("audit trail: %w", err)
		}
		size += info.Size()
	}
	return size, nil
}
