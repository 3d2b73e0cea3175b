package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// dataTables are the constants in memory that the file has.
var dataTables = map[string]Mem{}

// dataTable returns n words of read-only data, which its first use in a file
// writes.
func dataTable(name string, n int, word func(i int) uint32) Mem {
	if t, ok := dataTables[name]; ok {
		return t
	}
	t := GLOBL(name, RODATA|NOPTR)
	for i := range n {
		DATA(4*i, U32(word(i)))
	}
	dataTables[name] = t
	return t
}

// everyWord is a vector of either width with w in every lane.
func everyWord(name string, w uint32) Mem {
	return dataTable(name, 16, func(int) uint32 { return w })
}

// laneTable is eight words of ones, then eight of zeros.
func laneTable() Mem {
	return dataTable("lanes", 16, func(i int) uint32 {
		if i < 8 {
			return 0xffffffff
		}
		return 0
	})
}

// packTable has for each set of eight lanes its members in order, a byte each.
func packTable() Mem {
	return dataTable("pack", 2*256, func(i int) uint32 {
		var order uint64
		n := 0
		for lane := range 8 {
			if i/2>>lane&1 == 1 {
				order |= uint64(lane) << (8 * n)
				n++
			}
		}
		return uint32(order >> (i % 2 * 32))
	})
}

// bitOfWord has bit i in 16-bit word i.
func bitOfWord() Mem {
	return dataTable("bitOfWord", 8, func(i int) uint32 { return 1<<(2*i) | 1<<(2*i+1)<<16 })
}

// bitOfLane has, for each of eight lanes, its bit in every byte.
func bitOfLane() Mem {
	return dataTable("bitOfLane", 8, func(i int) uint32 { return 0x01010101 << i })
}
