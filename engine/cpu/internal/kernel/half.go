package kernel

type BF16 uint16
