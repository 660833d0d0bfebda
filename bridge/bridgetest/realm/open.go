package realm

import (
	"context"
	"fmt"
)

// Open describes a campus realm that Make made earlier, with the same options. A realm that does not exist is the error
// that Admin gives for it.
func Open(ctx context.Context, admin Admin, o Options) (*Realm, error) {
	r := describe(admin, &o, "campus")
	for _, step := range []func(context.Context) error{r.readUsers, r.readGroups} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("open realm %s: %w", r.Name, err)
		}
	}
	return r, nil
}
