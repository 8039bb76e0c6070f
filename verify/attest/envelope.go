package attest

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"aead.dev/minisign"

	"github.com/plugproof/plugproof/verify/supply/seal"
)

// PayloadType is the media type of in-toto statements in envelopes (in-toto attestation, spec/v1/envelope.md).
const PayloadType = "application/vnd.in-toto+json"

// MaxEnvelope bounds an envelope, in bytes: a plan and records of 64 MiB each in base64 are not more.
const MaxEnvelope = 192 << 20

// The reasons for which a statement is refused.
var (
	ErrFormat    = errors.New("the envelope is not written as plugproof writes it")
	ErrType      = errors.New("the envelope holds something else than an in-toto statement")
	ErrKey       = errors.New("the envelope was signed by another key")
	ErrSignature = errors.New("the signature does not hold: the statement was changed")
	ErrSigners   = errors.New("the envelope has not one signature")
	ErrStatement = errors.New("the statement is not one of a plugproof run")
	ErrResult    = errors.New("the statement contradicts itself")
)

// envelope is DSSE's.
type envelope struct {
	Payload     string      `json:"payload"` // standard base64
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"` // minisign's name of the key: 16 hexadecimal digits
	Sig   string `json:"sig"`   // standard base64 of ed25519's 64 bytes
}

// PAE is what is signed: "DSSEv1", then type and body, each after its length in bytes, all with single spaces between.
func PAE(payloadType string, body []byte) []byte {
	var b bytes.Buffer
	b.WriteString("DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(body)) + " ")
	b.Write(body)
	return b.Bytes()
}

// Sign puts a payload into an envelope.
func Sign(payload []byte, key minisign.PrivateKey) ([]byte, error) {
	sig, err := seal.SignRaw(key, PAE(PayloadType, payload))
	if err != nil {
		return nil, fmt.Errorf("signing the statement: %w", err)
	}
	return envelope{
		base64.StdEncoding.EncodeToString(payload), PayloadType,
		[]signature{{keyID(key.ID()), base64.StdEncoding.EncodeToString(sig)}},
	}.encode()
}

func (e envelope) encode() ([]byte, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("writing the envelope: %w", err)
	}
	return append(data, '\n'), nil
}

func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// Open returns the payload of an envelope that the key signed, and nobody else. Its error wraps one of the reasons above.
func Open(data []byte, key minisign.PublicKey) ([]byte, error) {
	if len(data) > MaxEnvelope {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrFormat, MaxEnvelope)
	}
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	switch {
	case e.PayloadType != PayloadType:
		return nil, fmt.Errorf("%w: its type is %.100q", ErrType, e.PayloadType)
	case len(e.Signatures) != 1:
		return nil, fmt.Errorf("%w: there are %d", ErrSigners, len(e.Signatures))
	case e.Signatures[0].KeyID != keyID(key.ID()):
		return nil, fmt.Errorf("%w: %.40q did, and %s is trusted", ErrKey, e.Signatures[0].KeyID, keyID(key.ID()))
	}
	payload, err := decode(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("%w: its payload: %w", ErrFormat, err)
	}
	sig, err := decode(e.Signatures[0].Sig)
	if err != nil {
		return nil, fmt.Errorf("%w: its signature: %w", ErrFormat, err)
	}
	raw, err := seal.Raw(key)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(raw, PAE(e.PayloadType, payload), sig) {
		return nil, fmt.Errorf("%w, or it was signed by another key of the same name", ErrSignature)
	}
	if again, err := e.encode(); err != nil || !bytes.Equal(again, data) { // members twice, unknown ones, another spelling of base64
		return nil, fmt.Errorf("%w: it has members that are not DSSE's, or has them twice, or in another order", ErrFormat)
	}
	return payload, nil
}

// decode reads base64 in its one spelling: encoding/base64 passes over line ends, wherever they are.
func decode(s string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(s)
	if err == nil && base64.StdEncoding.EncodeToString(data) != s {
		err = errors.New("there are line ends in it")
	}
	return data, err
}
