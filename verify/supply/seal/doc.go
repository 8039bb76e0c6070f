// Package seal signs a plugin and says whether a signature holds: minisign, whose trusted comment binds what the plugin is
// (a Claim), and OpenSSH signatures, which bind the bytes alone.
//
// A signature over bytes says nothing about which file they should be: a good signature of another plugin, or of last
// year's, is as good. So a minisign seal carries a Claim, and Check compares it with what is expected.
package seal

// Namespace is what an OpenSSH signature is made for ("ssh-keygen -Y sign -n"), so that one made for mail or commits is
// worth nothing here.
const Namespace = "plugproof"
