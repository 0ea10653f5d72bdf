//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// get returns the body of a 2xx answer.
func get(ctx context.Context, address string) ([]byte, error) {
	return call(ctx, http.MethodGet, address, nil)
}

// getInto is get into the memory of an earlier answer: what is measured shall be
// the server, not how a growing buffer of this process is copied and collected.
func getInto(ctx context.Context, address string, memory []byte) ([]byte, error) {
	return call(ctx, http.MethodGet, address, memory)
}

// getOK is get for callers that want the effect, not the answer.
func getOK(ctx context.Context, address string) error {
	_, err := get(ctx, address)
	return err
}

// post sends an empty body and wants a 2xx answer.
func post(ctx context.Context, address string) error {
	_, err := call(ctx, http.MethodPost, address, nil)
	return err
}

func call(ctx context.Context, method, address string, memory []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	buf := bytes.NewBuffer(memory[:0])
	_, err = buf.ReadFrom(response.Body)
	body := buf.Bytes()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, address, err)
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s: %.200s", method, address, response.Status, body)
	}
	return body, nil
}
