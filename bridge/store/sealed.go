package store

import "context"

// sealedKV seals values on their way to a KV. The key of the record is bound in: a value copied to another record does not open.
type sealedKV struct {
	KV
	keys *KeyRing
}

func (s sealedKV) Get(ctx context.Context, key string) ([]byte, Version, error) {
	sealed, v, err := s.KV.Get(ctx, key)
	if err != nil {
		return nil, "", err
	}
	plain, err := s.keys.Open(key, sealed)
	if err != nil {
		return nil, "", err
	}
	return plain, v, nil
}

func (s sealedKV) Put(ctx context.Context, key string, value []byte, o PutOptions) (Version, error) {
	if err := checkPut(key, o); err != nil {
		return "", err
	}
	return s.KV.Put(ctx, key, s.keys.Seal(key, value), o)
}
