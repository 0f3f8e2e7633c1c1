package capture

// What pcapng writes in its blocks, in one place for the Writer and the Reader.
const (
	blockSection        = 0x0a0d0d0a // reads the same in either byte order
	blockInterface      = 1
	blockPacket         = 2 // obsolete
	blockSimplePacket   = 3
	blockNames          = 4
	blockEnhancedPacket = 6
	blockSecrets        = 10

	byteOrderMagic       = 0x1a2b3c4d
	majorVersion         = 1
	minorVersion         = 0
	sectionLengthUnknown = 1<<64 - 1

	blockHeader  = 8 // type and total length
	blockTrailer = 4 // total length again
)

// Options. A code means what the block says that it is in.
const (
	optEnd     = 0
	optComment = 1

	optHardware    = 2 // section
	optOS          = 3
	optApplication = 4

	optName        = 2 // interface
	optDescription = 3
	optResolution  = 9
	optOffset      = 14
)

// Records of a block of names.
const (
	nameRecordEnd  = 0
	nameRecordIPv4 = 1
	nameRecordIPv6 = 2
)

const (
	resolutionDefault = 6    // units of 10⁻⁶ s
	resolutionNano    = 9    // units of 10⁻⁹ s
	resolutionBinary  = 0x80 // units of 2⁻ⁿ s
)

// The largest block that is written or read, in bytes.
const maxBlock = 16 << 20

// padding is how many bytes after n bring it to a multiple of four.
func padding(n int) int { return -n & 3 }
