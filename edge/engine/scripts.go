package engine

import _ "embed"

//go:embed scripts.py
var scriptSupport string
