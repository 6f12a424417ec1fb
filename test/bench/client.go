package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const event = `{"message":"sixty-four bytes of JSON, which come back as is","n":1}`

// signed is an invocation of a function by the daemon's user, ready to be written.
func (d *daemon) signed(ctx context.Context, function string) ([]byte, error) {
	url := "http://" + d.addr + "/2015-03-31/functions/" + function + "/invocations"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(event)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256([]byte(event))
	if err := v4.NewSigner().SignHTTP(ctx, d.user, r, hex.EncodeToString(sum[:]), "lambda", region, time.Now()); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	err = r.Write(&buf)
	return buf.Bytes(), err
}

// connection is one kept-open connection of a client that does as little as it can.
type connection struct {
	net.Conn
	in   *bufio.Reader
	body []byte
}

func dial(addr string) (*connection, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &connection{Conn: c, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

// call writes a request and reads the answer, which must be the event.
func (c *connection) call(request []byte) (time.Duration, error) {
	start := time.Now()
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	status, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	ok := bytes.Contains(status, []byte(" 200 "))
	length := 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(": ")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		}
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err := io.ReadFull(c.in, c.body); err != nil {
		return 0, err
	}
	took := time.Since(start)
	if !ok || !bytes.Contains(c.body, []byte("which come back as is")) {
		return 0, fmt.Errorf("the answer is not the event: %s%s", status, c.body)
	}
	return took, nil
}
