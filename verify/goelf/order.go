package goelf

import "encoding/binary"

// Order is a file's byte order, a binary.ByteOrder and binary.AppendByteOrder. As a type of its own, and not an interface, it costs
// neither calls nor allocations where millions of numbers are read.
type Order struct{ big bool }

// Uint16 reads two bytes.
func (o Order) Uint16(b []byte) uint16 {
	if o.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

// Uint32 reads four bytes.
func (o Order) Uint32(b []byte) uint32 {
	if o.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

// Uint64 reads eight bytes.
func (o Order) Uint64(b []byte) uint64 {
	if o.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// orders is both interfaces of encoding/binary.
type orders interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

func (o Order) orders() orders {
	if o.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// PutUint16 writes two bytes.
func (o Order) PutUint16(b []byte, v uint16) { o.orders().PutUint16(b, v) }

// PutUint32 writes four bytes.
func (o Order) PutUint32(b []byte, v uint32) { o.orders().PutUint32(b, v) }

// PutUint64 writes eight bytes.
func (o Order) PutUint64(b []byte, v uint64) { o.orders().PutUint64(b, v) }

// AppendUint16 appends two bytes.
func (o Order) AppendUint16(b []byte, v uint16) []byte { return o.orders().AppendUint16(b, v) }

// AppendUint32 appends four bytes.
func (o Order) AppendUint32(b []byte, v uint32) []byte { return o.orders().AppendUint32(b, v) }

// AppendUint64 appends eight bytes.
func (o Order) AppendUint64(b []byte, v uint64) []byte { return o.orders().AppendUint64(b, v) }

func (o Order) String() string { return o.orders().String() }
