package realm

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
)

// keyBits is the size of the key that Keycloak makes for a new realm.
const keyBits = 2048

// create makes a realm of a file, with a new key to sign with. Keycloak would make two, and a Java that does not compile for speed needs as long for
// that as for most of the rest. The second one would be for what is encrypted to the realm, and nothing here is.
func create(ctx context.Context, admin Admin, file object) error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("make the key of a realm: %w", err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("make the key of a realm: %w", err)
	}
	file["privateKey"] = base64.StdEncoding.EncodeToString(encoded)
	return admin.Do(ctx, "POST ", file, nil)
}
