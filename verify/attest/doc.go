// Package attest makes and reads signed statements of what a run found: an in-toto Statement (v1) in a DSSE envelope, signed
// with a minisign key, which is an ed25519 key. Everything works without a network and without a service.
//
// Formats:
//   - in-toto Statement v1: github.com/in-toto/attestation, spec/v1/statement.md and spec/v1/resource_descriptor.md
//   - DSSE v1.0.2: github.com/secure-systems-lab/dsse, protocol.md and envelope.md
//
// The predicate, PredicateType, holds the run's plan and all its records, so that a reader need not believe the word PASS or
// FAIL: what the records come to is worked out again, and a statement that says otherwise is refused. A run in which evidence
// is missing can be stated as nothing at all.
//
// A statement has one spelling. Whatever differs from what this package writes is refused, so that no two readers can
// understand one signed text differently.
package attest
