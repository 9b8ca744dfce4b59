// Package aes stands in for crypto/aes, by which go-app encrypts what it is
// never asked to.
package aes

import (
	"crypto/cipher"
	"errors"
)

func NewCipher([]byte) (cipher.Block, error) {
	return nil, errors.New("there is no crypto/aes in a page")
}
