package store

import "testing"

func TestOneMeaning(t *testing.T) {
	for doc, good := range map[string]bool{
		`{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}],"d":[]}`: true,
		`{"a":{},"b":"a","c":["a","a"]}`:                   true,
		`{"status":"fail","status":"pass"}`:                false,
		`{"status":"fail","STATUS":"pass"}`:                false,
		`{"a":{"x":[1,{"y":1,"y":2}]}}`:                    false,
		`{"a":[],"a":1}`:                                   false,
		`{"a":1`:                                           true, // that is the decoder's to say
		`}`:                                                false,
	} {
		if err := oneMeaning([]byte(doc)); (err == nil) != good {
			t.Errorf("%s: %v", doc, err)
		}
	}
}
