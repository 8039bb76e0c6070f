package inflate

// Decode is for tests.
var Decode = decode
