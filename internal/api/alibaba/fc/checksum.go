package fc

import (
	"crypto/sha256"
	"encoding/base64"
	"hash/crc64"
	"strconv"
	"strings"
)

// attrChecksum is the digest of an archive and its CRC, which is of no other one.
const attrChecksum = "fc.codeChecksum"

var ecma = crc64.MakeTable(crc64.ECMA)

// crc is an archive's CRC-64, which this product shows and Serverless Devs compares.
// https://www.alibabacloud.com/help/en/functioncompute/fc/developer-reference/api-fc-2023-03-30-getfunction
func crc(archive []byte) string { return strconv.FormatUint(crc64.Checksum(archive, ecma), 10) }

func noteChecksum(archive []byte) string {
	sum := sha256.Sum256(archive)
	return base64.StdEncoding.EncodeToString(sum[:]) + " " + crc(archive)
}

// checksum is the CRC of the archive with a digest, or the digest of one that
// another dialect was given.
func checksum(attrs map[string]string, digest string) string {
	if of, sum, ok := strings.Cut(attrs[attrChecksum], " "); ok && of == digest {
		return sum
	}
	return digest
}
