package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDataHasOneForm(t *testing.T) {
	for text, want := range map[string]Data{
		`{}`: "", " {\n} ": "", `{"a":1}`: `{"a":1}`, " { \"b\" : [ 1 , { } ] , \"a\" : null } ": `{"a":null,"b":[1,{}]}`,
		`{"b":1,"a":{"d":2,"c":3},"B":0,"_":0,"a1":0}`:                                   `{"B":0,"_":0,"a":{"c":3,"d":2},"a1":0,"b":1}`,
		`{"\u0061":"\u0041\u00e9\u2028\/\u007f<"}`:                                       "{\"a\":\"Aé\u2028/\x7f<\"}",
		`{"a":"\ud83d\ude00 \ud83d \ude00\ud83d"}`:                                       "{\"a\":\"😀 \uFFFD \uFFFD\uFFFD\"}",
		`{"a":"\u0000\u001f\b\f\n\r\t\"\\"}`:                                             `{"a":"\u0000\u001f\b\f\n\r\t\"\\"}`,
		`{"a":[-0,-0.0,0e9,1e-400,0.0]}`:                                                 `{"a":[0,0,0,0,0]}`,
		`{"a":[1.0,1e0,10E-1,1E+2,1e20,1e21,123e19,1e-6,1e-7,-1.50]}`:                    `{"a":[1,1,1,100,100000000000000000000,1e+21,1.23e+21,0.000001,1e-7,-1.5]}`,
		`{"a":[9007199254740993,0.1,5e-324,1.7976931348623157e308,0.30000000000000004]}`: `{"a":[9007199254740992,0.1,5e-324,1.7976931348623157e+308,0.30000000000000004]}`,
		"{\"a\":\"\xff\xed\xa0\x80\"}":                                                   "{\"a\":\"\uFFFD\uFFFD\uFFFD\uFFFD\"}",
		`{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`:    Data(`{"a":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `}`),
	} {
		got, err := ParseData(text)
		if got != want || err != nil {
			t.Errorf("%q is %q, %v, want %q", text, got, err, want)
		}
		if again, err := ParseData(string(want)); want != "" && (again != want || err != nil) {
			t.Errorf("%q becomes %q, %v", want, again, err)
		}
	}
}

func TestDataThatABrowserWouldChangeIsRefused(t *testing.T) {
	for _, key := range []string{``, `1`, `1a`, `-`, `a-b`, `a b`, `a.b`, `é`, `ａ`, `\u0000`, `a\u0000`, `__proto__`, `\u005f_proto__`, `__proto\u005f_`, `\ud800`, "\xff"} {
		for _, around := range []string{`{"K":1}`, `{"a":{"K":1}}`, `{"a":[[],{"b":{"K":1}}]}`, `{"a":1,"K":{}}`} {
			if got, err := ParseData(strings.Replace(around, "K", key, 1)); err == nil {
				t.Errorf("the key %q in %s is taken, as %s", key, around, got)
			}
		}
	}
	for _, text := range []string{`{"a":1,"a":1}`, `{"a":1,"b":2,"\u0061":null}`, `{"x":{"a":1,"\u0061":1}}`, `{"x":[0,{"b":0,"a":1,"a":[]}]}`} {
		if got, err := ParseData(text); err == nil || !strings.Contains(err.Error(), `"a" stands twice`) {
			t.Errorf("%s is taken, as %s, %v", text, got, err)
		}
	}
	for _, number := range []string{`1e400`, `-1e309`, `1.8e308`, strings.Repeat("9", 400)} {
		if got, err := ParseData(`{"a":[` + number + `]}`); err == nil || !strings.Contains(err.Error(), "too large") {
			t.Errorf("%s is %s, %v", number, got, err)
		}
	}
}

func TestWhatIsNoObjectIsNoData(t *testing.T) {
	for _, text := range []string{
		``, ` `, `null`, `5`, `"a"`, `[]`, `[{}]`, `true`, `{`, `}`, `{}}`, `{}{}`, `{},`, `{}x`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,"a":1}`, `{"a":1 "b":2}`, `{"a":1]`, `{"a":[1}`, `{"a":[1,]}`,
		`{"a":[,1]}`, `{"a":[1 2]}`, `{a:1}`, `{'a':1}`, `{1:1}`, `{null:1}`, `{[]:1}`, `{"a":01}`, `{"a":.5}`, `{"a":+1}`, `{"a":NaN}`, `{"a":1e}`, `{"a":"\x"}`, "{\"a\":\"\n\"}", `{"a":"`, `{"a":tru}`,
		`{"a":undefined}`, `/**/{}`, "\xef\xbb\xbf{}", "{}\x00",
	} {
		if got, err := ParseData(text); err == nil || got != "" || !strings.HasPrefix(err.Error(), "Data is ") {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

func TestDataIsNeitherLongNorDeep(t *testing.T) {
	fill := strings.Repeat("x", MaxData-len(`{"a":""}`))
	if _, err := ParseData(` {"a": "` + fill + `"}`); err != nil {
		t.Errorf("data of just the limit: %v", err)
	}
	for name, text := range map[string]string{
		"a byte more":          `{"a":"` + fill + `x"}`,
		"escapes that make it": `{"a":"` + fill[:len(fill)-5] + `\u0000"}`,
		"digits that make it":  `{"a":"` + fill[:len(fill)-20] + `","b":1e20}`,
		"a long list":          `{"a":[` + strings.Repeat("1,", MaxData) + `1]}`,
		"a list of objects":    `{"a":[` + strings.Repeat(`{"a":0},`, MaxData/6) + `{}]}`,
	} {
		if _, err := ParseData(text); !errors.Is(err, ErrDataTooLong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, deep := range map[string]string{
		"lists":      strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
		"both":       strings.Repeat(`[{"a":`, maxDepth) + "0" + strings.Repeat("}]", maxDepth),
		"very deep":  strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000),
		"with a key": strings.Repeat(`{"a":0,"b":`, maxDepth+1) + "0" + strings.Repeat(`,"c":0}`, maxDepth+1),
	} {
		if _, err := ParseData(`{"a":` + deep + `}`); err == nil || !strings.Contains(err.Error(), "nested") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whoever looks for each key among all that came before takes minutes for these.
func TestManyKeysAreRefusedAtOnce(t *testing.T) {
	var b strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&b, `,"k%d":0`, i)
	}
	start := time.Now()
	if _, err := ParseData("{" + b.String()[1:] + "}"); !errors.Is(err, ErrDataTooLong) {
		t.Error(err)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestDataOfAValueIsDecodedToIt(t *testing.T) {
	type desk struct {
		Name  string
		Floor float64 `json:"floor,omitempty"`
	}
	data, err := DataOf(desk{"<4.12>", 4})
	if err != nil || data != `{"Name":"<4.12>","floor":4}` {
		t.Errorf("%s, %v", data, err)
	}
	var got desk
	if err := data.Decode(&got); err != nil || got != (desk{"<4.12>", 4}) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := Data("").Decode(&got); err != nil {
		t.Errorf("no data: %v", err)
	}
	for _, value := range []any{5, []int{1}, map[string]int{"a-b": 1}, make(chan int), strings.Repeat("x", MaxData), nil} {
		if data, err := DataOf(value); err == nil {
			t.Errorf("%v is %s", value, data)
		}
	}
}

func TestDataIsTheSameAfterItHasTravelled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := anyData().Draw(t, "data")
		u := User{ID: "a", Data: data}.Encoded()
		events, err := DecodeServer(Encode(NewUser{u}))
		if err != nil || len(events) != 1 || events[0] != (NewUser{u}) {
			t.Errorf("%+v, %v", events, err)
		}
		said, err := DecodeClient(Encode(ChangeUser{Patch: Patch{Data: data}}))
		if err != nil || !reflect.DeepEqual(said, []Event{ChangeUser{Patch: Patch{Data: data}}}) {
			t.Errorf("%+v, %v", said, err)
		}
	})
}

func FuzzParseData(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"a":{"b":[1,-0,1e400,"\ud800",null,true]}}`, `{"a":1,"\u0061":2}`, `{"__proto__":1}`, `{"\u005f_proto__":1}`, `[`, `{"a":[[[[]]]]}`, "{\"a\":\"\u2028\"}", `{"a":1.7976931348623159e308}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		data, err := ParseData(text)
		if err != nil {
			if wrong := dataError(""); data != "" || !errors.As(err, &wrong) {
				t.Errorf("%q is %q, %v", text, data, err)
			}
			return
		}
		if again, err := ParseData(string(data)); data != "" && (again != data || err != nil) {
			t.Errorf("%q becomes %q, then %q, %v", text, data, again, err)
		}
		// It means what the text means, with each key once.
		var meant, is any
		if err := json.Unmarshal([]byte(text), &meant); err != nil {
			t.Fatalf("%q is no JSON: %v", text, err)
		}
		if data.Decode(&is); !reflect.DeepEqual(is, meant) {
			t.Errorf("%q became %q", text, data)
		}
		if names := keysIn(t, text); names != keysOf(meant) {
			t.Errorf("%q has %d keys, %d of them differ, and it is taken", text, names, keysOf(meant))
		}
		// It stands in a frame and is all that stands there.
		u := User{ID: "a", Data: data}.Encoded()
		frame := Encode(NewUser{u}, Room{})
		if events, ok := scan(frame); !ok || len(events) != 2 || events[0] != (NewUser{u}) {
			t.Errorf("%s is %+v, %v", frame, events, ok)
		}
		if bytes.ContainsAny(frame, "\n\r") || len(data) > MaxData {
			t.Errorf("%q became %q", text, data)
		}
	})
}

// keysIn counts the keys in a text, twice what stands twice.
func keysIn(t *testing.T, text string) (n int) {
	dec := json.NewDecoder(strings.NewReader(text))
	var count func()
	count = func() {
		token, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch token {
		case json.Delim('{'):
			for dec.More() {
				dec.Token()
				n++
				count()
			}
			dec.Token()
		case json.Delim('['):
			for dec.More() {
				count()
			}
			dec.Token()
		}
	}
	count()
	return n
}

// keysOf counts the keys in a value.
func keysOf(value any) (n int) {
	switch value := value.(type) {
	case map[string]any:
		for _, v := range value {
			n += 1 + keysOf(v)
		}
	case []any:
		for _, v := range value {
			n += keysOf(v)
		}
	}
	return n
}
