package sign

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
	"io"
)

// Encrypted PKCS #8 with PBES2 (RFC 8018, section 6.2): PBKDF2 and AES-256-CBC, which is what `openssl pkcs8` and
// `openssl genpkey -aes256` write and read.
var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidSHA1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidAES256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// The rounds of PBKDF2 that are written (OWASP's figure for HMAC-SHA-256), and the most that a file may ask for.
const (
	writeRounds = 600_000
	maxRounds   = 10_000_000
)

type encryptedKey struct {
	Algorithm struct {
		ID     asn1.ObjectIdentifier
		Params pbes2
	}
	Data []byte
}

type pbes2 struct {
	KDF struct {
		ID     asn1.ObjectIdentifier
		Params pbkdf2Params
	}
	Cipher struct {
		ID asn1.ObjectIdentifier
		IV []byte
	}
}

type pbkdf2Params struct {
	Salt   []byte
	Rounds int
	Length int                      `asn1:"optional"`
	PRF    pkix.AlgorithmIdentifier `asn1:"optional"`
}

func (p pbkdf2Params) key(passphrase []byte) ([]byte, error) {
	prf := sha1.New
	switch {
	case len(p.PRF.Algorithm) == 0 || p.PRF.Algorithm.Equal(oidSHA1):
	case p.PRF.Algorithm.Equal(oidSHA256):
		prf = func() hash.Hash { return sha256.New() }
	default:
		return nil, fmt.Errorf("sign: reading key: unknown function %v to derive its key", p.PRF.Algorithm)
	}
	if p.Rounds < 1 || p.Rounds > maxRounds {
		return nil, fmt.Errorf("sign: reading key: %d rounds to derive its key", p.Rounds)
	}
	return pbkdf2.Key(prf, string(passphrase), p.Salt, p.Rounds, 32)
}

func decryptPKCS8(der, passphrase []byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, ErrPassphrase
	}
	var k encryptedKey
	if rest, err := asn1.Unmarshal(der, &k); err != nil || len(rest) > 0 {
		return nil, errors.New("sign: reading key: the encrypted key is of an unknown form")
	}
	p := k.Algorithm.Params
	if !k.Algorithm.ID.Equal(oidPBES2) || !p.KDF.ID.Equal(oidPBKDF2) || !p.Cipher.ID.Equal(oidAES256) {
		return nil, errors.New("sign: reading key: want PBKDF2 and AES-256-CBC")
	}
	if len(p.Cipher.IV) != aes.BlockSize || len(k.Data) == 0 || len(k.Data)%aes.BlockSize != 0 {
		return nil, errors.New("sign: reading key: the encrypted key is damaged")
	}
	key, err := p.KDF.Params.key(passphrase)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sign: reading key: %w", err)
	}
	plain := make([]byte, len(k.Data))
	cipher.NewCBCDecrypter(block, p.Cipher.IV).CryptBlocks(plain, k.Data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > aes.BlockSize {
		return nil, ErrPassphrase
	}
	for _, b := range plain[len(plain)-pad:] {
		if !hmac.Equal([]byte{b}, []byte{byte(pad)}) {
			return nil, ErrPassphrase
		}
	}
	return plain[:len(plain)-pad], nil
}

func encryptPKCS8(der, passphrase []byte, random io.Reader) ([]byte, error) {
	var k encryptedKey
	p := &k.Algorithm.Params
	k.Algorithm.ID, p.KDF.ID, p.Cipher.ID = oidPBES2, oidPBKDF2, oidAES256
	p.KDF.Params = pbkdf2Params{Salt: make([]byte, 16), Rounds: writeRounds,
		PRF: pkix.AlgorithmIdentifier{Algorithm: oidSHA256, Parameters: asn1.NullRawValue}}
	p.Cipher.IV = make([]byte, aes.BlockSize)
	for _, b := range [][]byte{p.KDF.Params.Salt, p.Cipher.IV} {
		if _, err := io.ReadFull(random, b); err != nil {
			return nil, fmt.Errorf("sign: writing key: %w", err)
		}
	}
	key, err := p.KDF.Params.key(passphrase)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("sign: writing key: %w", err)
	}
	pad := aes.BlockSize - len(der)%aes.BlockSize
	k.Data = make([]byte, len(der)+pad)
	copy(k.Data, der)
	for i := len(der); i < len(k.Data); i++ {
		k.Data[i] = byte(pad)
	}
	cipher.NewCBCEncrypter(block, p.Cipher.IV).CryptBlocks(k.Data, k.Data)
	return asn1.Marshal(k)
}
