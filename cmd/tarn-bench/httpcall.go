//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// get returns the body of a 2xx answer.
func get(ctx context.Context, address string) ([]byte, error) {
	return call(ctx, http.MethodGet, address)
}

// getOK is get for callers that want the effect, not the answer.
func getOK(ctx context.Context, address string) error {
	_, err := get(ctx, address)
	return err
}

// post sends an empty body and wants a 2xx answer.
func post(ctx context.Context, address string) error {
	_, err := call(ctx, http.MethodPost, address)
	return err
}

func call(ctx context.Context, method, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, address, err)
	}
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s: %.200s", method, address, response.Status, body)
	}
	return body, nil
}
