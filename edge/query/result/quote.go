package result

// AppendString appends a JSON string as the JSON formats have it: escaped as
// little as JSON allows, U+FFFD for what is not UTF-8.
func AppendString(dst []byte, s string) []byte { return appendString(dst, s) }
