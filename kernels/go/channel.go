package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
)

const (
	firstPart = 1 // flags of a frame: begins a message
	lastPart  = 2 // ends one

	partBytes    = 64 << 10
	messageBytes = 64 << 20
)

// request is a message from execd.
type request struct {
	Type    string `json:"type"`
	Run     int64  `json:"run"`
	Code    string `json:"code"`
	Display int64  `json:"display"`
}

// message is a message to execd; json.Marshal turns bytes that are no UTF-8 into U+FFFD.
type message map[string]any

// channel carries framed messages over two pipes. send may be called by several goroutines, receive by one.
type channel struct {
	reader *bufio.Reader
	writer io.Writer
	mutex  sync.Mutex
}

func newChannel(in, out *os.File) *channel {
	return &channel{reader: bufio.NewReaderSize(in, partBytes), writer: out}
}

func (c *channel) send(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for flags := byte(firstPart); flags&lastPart == 0; {
		part := text[:min(len(text), partBytes)]
		if text = text[len(part):]; len(text) == 0 {
			flags |= lastPart
		}
		frame := binary.BigEndian.AppendUint32(make([]byte, 0, len(part)+5), uint32(len(part)+1))
		frame = append(append(frame, flags), part...)
		if _, err := c.writer.Write(frame); err != nil {
			return err
		}
		flags &^= firstPart
	}
	return nil
}

// receive returns io.EOF when execd ends this context.
func (c *channel) receive() (request, error) {
	var text []byte
	for {
		var header [5]byte
		if _, err := io.ReadFull(c.reader, header[:]); err != nil {
			return request{}, err
		}
		length := int(binary.BigEndian.Uint32(header[:])) - 1
		if header[4]&firstPart != 0 {
			text = text[:0]
		}
		if length < 0 || len(text)+length > messageBytes {
			return request{}, fmt.Errorf("a frame of %d bytes behind %d", length, len(text))
		}
		at := len(text)
		text = append(text, make([]byte, length)...)
		if _, err := io.ReadFull(c.reader, text[at:]); err != nil {
			return request{}, err
		}
		if header[4]&lastPart != 0 {
			var r request
			err := json.Unmarshal(text, &r)
			return r, err
		}
	}
}
