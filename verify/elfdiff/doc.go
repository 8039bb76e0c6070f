// Package elfdiff compares two ELF files and says what the whole difference is, and why, as far as two files alone can tell.
//
// The verdict is the least grave class that was shown to be the whole difference. Where nothing moved (equal size and equal
// headers) the differing ranges are found byte by byte and the graver of their classes is the verdict: zeroing them in both
// files makes the files equal. Where lengths differ the files are compared by structure: symbols by name, relocations by
// canonical target, pc-relative operands by what they lead to, line tables as data. An address that leads to the same symbol
// and offset in both files is moved and raises nothing; so is one that leads to an unnamed constant of the same content, for the
// linker sorts strings by length and content, and one more of them moves others past each other. What cannot be shown equal counts
// as the graver class.
//
// Classes of bytes:
//
//	build-id-only  .note.gnu.build-id, .note.go.buildid
//	debug-only     .debug_*, .zdebug_*, .comment, .gnu_debuglink, file names and lines in .gopclntab
//	symbol-table   .symtab, .strtab, .shstrtab, section headers
//	data           every other loaded byte that is not executable, the dynamic symbol table, .go.buildinfo
//	code           executable bytes, stack maps and frame sizes in .gopclntab
//	abi            the package fingerprints (go:link.pkghashbytes.*, go:link.pkghashes and the hashes they point at)
//
// What is derived from the rest is not compared by value when something moved: section headers, program header addresses,
// hash tables over symbol names, the order of symbols and of GOT slots, addresses in .dynamic, the linker's find-function table.
//
// Limits. Instructions whose bytes are equal count as equal: a pc-relative operand that stayed the same although its target and
// itself moved by different amounts would go unnoticed; the linker only writes that by chance. The DWARF is not walked: it is
// debug-only whatever differs in it. Code of other machines than amd64 and arm is equal only if its bytes are.
//
// Two different files are never called identical. Inputs that cannot be read or are no ELF files are errors (InputError);
// everything else is data in the Report.
package elfdiff
