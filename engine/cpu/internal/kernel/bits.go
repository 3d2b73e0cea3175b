package kernel

// Spikes are bits: a row of c channels is Words(c) words, bit k of word w is
// channel 32w+k, and the bits behind the last channel are zero.

// wordBits is the number of channels in a word.
const wordBits = 32

// Words is how many words a row of c bits takes.
func Words(c int) int { return (c + wordBits - 1) / wordBits }
