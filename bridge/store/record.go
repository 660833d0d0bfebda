package store

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Both backends store a record as 16 characters of version, 16 digits of expiry (Unix milliseconds, zeros = never) and the value.
const (
	versionLen = 16
	headerLen  = 32
)

type record struct {
	version Version
	expiry  int64
	value   []byte
}

// newRecord gives value a version that was never used before.
func newRecord(value []byte, now time.Time, ttl time.Duration) record {
	var b [versionLen / 2]byte
	_, _ = rand.Read(b[:])
	r := record{version: Version(hex.EncodeToString(b[:])), value: value}
	if ttl != Forever {
		r.expiry = now.Add(ttl).UnixMilli()
	}
	return r
}

func (r record) expired(now time.Time) bool {
	return r.expiry != 0 && r.expiry <= now.UnixMilli()
}

func (r record) encode() []byte {
	out := make([]byte, 0, headerLen+len(r.value))
	out = fmt.Appendf(out, "%s%016d", r.version, r.expiry)
	return append(out, r.value...)
}

func decodeRecord(raw []byte) (record, error) {
	if len(raw) < headerLen {
		return record{}, errors.New("not a record of this store")
	}
	expiry, err := strconv.ParseInt(string(raw[versionLen:headerLen]), 10, 64)
	if _, hexErr := hex.DecodeString(string(raw[:versionLen])); err != nil || hexErr != nil || expiry < 0 {
		return record{}, errors.New("not a record of this store")
	}
	return record{Version(raw[:versionLen]), expiry, raw[headerLen:]}, nil
}

// allows tells whether a write under this condition may go on; cur is nil when there is no live record.
func (v Version) allows(op, key string, cur *record) error {
	switch {
	case v == Any, v == Absent && cur == nil, v == Present && cur != nil:
		return nil
	case cur == nil:
		return absent(op, key)
	case v == cur.version:
		return nil
	default:
		return conflict(op, key)
	}
}
