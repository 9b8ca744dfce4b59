// Package cipher stands in for crypto/cipher, see crypto/aes.
package cipher

import "errors"

type Block any

type AEAD interface {
	NonceSize() int
	Seal(dst, nonce, plaintext, data []byte) []byte
	Open(dst, nonce, ciphertext, data []byte) ([]byte, error)
}

func NewGCM(Block) (AEAD, error) { return nil, errors.New("there is no crypto/cipher in a page") }
