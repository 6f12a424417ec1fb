package host

import (
	"bytes"
	"sync"
	"time"

	"weir/internal/sandbox"
)

// consoleSize is how much of an instance's output is kept, as the vendor does.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
const consoleSize = 64 << 10

// console keeps the last part of what an instance prints.
type console struct {
	mu   sync.Mutex // guards text and last
	text []byte
	last time.Time
}

func (c *console) line(l sandbox.Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text = append(append(c.text, l.Text...), '\n')
	c.last = l.Time
	if over := len(c.text) - consoleSize; over > 0 {
		if end := bytes.IndexByte(c.text[over:], '\n'); end >= 0 && over+end+1 < len(c.text) {
			over += end + 1 // whole lines
		}
		c.text = append(c.text[:0], c.text[over:]...)
	}
}

func (c *console) add(text string) { c.line(sandbox.Line{Time: time.Now(), Text: text}) }

func (c *console) read() (string, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return string(c.text), c.last
}
