package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"rollcall/server/names"
)

// inManyScripts are names and texts of which a character is not a code point.
var inManyScripts = []string{
	"Ada Lovelace", "Zoe\u0308 A\u030Angstro\u0308m", "Nguyễn Thị Minh Khai", "q\u0301\u0302\u0303\u0304",
	"Йосиф Ґудзь", "Σίσυφος", "გიორგი ბერიძე", "Հայկ", "שָׁלוֹם", "مُحَمَّد علی", "می\u200Cخواهم", "\u0600١٢", "ܫܠܡܐ", "އަހްމަދު", "ߒߞߏ",
	"लक्ष्मी विश्वकर्मा", "कार्त्स्न्य", "र\u094D\u200Dय", "क्\u200Cष", "শ্রীমতী চক্রবর্তী বন্দ্যোপাধ্যায়", "র\u200D\u09CDযাব",
	"ਸਿੰਘ", "લક્ષ્મી", "ଶ୍ରୀ ଲକ୍ଷ୍ମୀ", "ஸ்ரீ லக்ஷ்மி", "రాజ్\u200Cకుమార్ లక్ష్మి", "ಶ್ರೀ ಕೃಷ್ಣ", "ശ്രീ രാജന\u0D4D\u200D", "ශ\u0DCA\u200Dරී ලංකා",
	"กิ่งแก้ว น้ำ", "ທ້າວ ຄຳ", "សុខា ខ្មែរ ស្ត្រី", "မျှော်လင့် အောင်ဆန်း", "བཀྲ་ཤིས་ རྒྱལ་མཚན", "ᠮᠣᠩᠭᠣᠯ ᠠ\u180Bᠨ\u180Eᠠ", "ꦱꦸꦏꦂꦤ", "ᬓ᭄ᬱᬶ", "ᮃᮕᮥ", "ᦑᦟᦹᧉ", "አበበ በቂላ", "ᏣᎳᎩ", "ⵎⴰⵣⵉⵖ", "𞤀𞤣𞤤𞤢𞤥",
	"한국 김철수", "\u1112\u1161\u11AB\u1100", "山田 太郎", "葛\U000E0100城", "ﾔﾏﾀﾞ が", "𠮷野家",
	"👩\u200D👩\u200D👧\u200D👦", "👩🏽\u200D🚀 Wei", "👩🏻\u200D❤\uFE0F\u200D💋\u200D👩🏼", "🏃\u200D♀\uFE0F\u200D➡\uFE0F", "🏳\uFE0F\u200D🌈", "👍🏽👍", "🇩🇪🇯🇵🇫", "🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
	"1\uFE0F\u20E3#\uFE0F\u20E3", "☺\uFE0E ☺\uFE0F", "Ana 🫩", "🫪 \U0001FAFF🏽\u200D❤", "\u0378\U00010D50",
}

// TestCharactersAreCountedAsTheBrowserCountsThem holds the server's count
// against the browser's own. Both follow UAX #29, each with tables of its own.
func TestCharactersAreCountedAsTheBrowserCountsThem(t *testing.T) {
	t.Parallel()
	p := visit(t, "Ana", "about:blank")
	texts, err := json.Marshal(inManyScripts)
	if err != nil {
		t.Fatal(err)
	}
	counts := eval[[]int](p, `(s => `+string(texts)+`.map(text => [...s.segment(text)].length))(new Intl.Segmenter())`)
	for i, text := range inManyScripts {
		if got := names.Length(text); got != counts[i] {
			t.Errorf("%q has %d characters here, %d in the browser", text, got, counts[i])
		}
	}
}

// TestWhatKeyboardsTypeIsTaken is of names that were refused once although
// nothing about them looks wrong to whoever types them.
func TestWhatKeyboardsTypeIsTaken(t *testing.T) {
	t.Parallel()
	s := start(t)
	for typed, shown := range map[string]string{
		"Ana 🫩":           "Ana 🫩",
		"សុខា\u200Bខ្មែរ": "សុខាខ្មែរ",
		"\u2068Ana\u2069": "Ana",
		"می\u200C":        "می",
		"श्रीमती लक्ष्मी प्रज्ञा विश्वकर्मा अवनिका वाजपेयी जी": "श्रीमती लक्ष्मी प्रज्ञा विश्वकर्मा अवनिका वाजपेयी जी",
		strings.Repeat("क्ष्म्य", 24): strings.Repeat("क्ष्म्य", 24), // 504 bytes
	} {
		p := visit(t, typed, s.url)
		p.awaitAlive()
		p.await(`(e => { e.value = ` + quoted(typed) + `; e.focus(); return true })(document.querySelector("#name"))`)
		p.do(chromedp.KeyEvent(kb.Enter))
		p.await(`document.querySelector(".box.self .name")?.textContent === ` + quoted(shown))
	}
}

// quoted is a text as JavaScript.
func quoted(s string) string {
	b, _ := json.Marshal(s) // no string fails
	return string(b)
}

// TestASmallRoomAndALargeOneFindTheSame is of one search that two programs do:
// the page in a small room, the server in a large one.
func TestASmallRoomAndALargeOneFindTheSame(t *testing.T) {
	t.Parallel()
	people := []string{"Jose\u0301 Núñez", "Ada Lovelace", "Søren Łukasz", "ＦＵＬＬ Width", "İpek Işık", "Straße", "أحمد", "김철수", "Σίσυφος", "O’Brien"}
	for size, options := range map[string][]string{"small": nil, "large": {"-window", "4"}} {
		s := start(t, options...)
		crowd(t, s, "lobby", people...)
		p := visit(t, "in a "+size+" room", s.url)
		p.join("Zz")
		p.awaitCount(len(people) + 1)
		for _, c := range []struct{ query, found string }{
			{"José", "José Núñez"}, {"jose\u0301", "José Núñez"}, {"jose", "José Núñez"}, {"nunez  JOSE", "José Núñez"},
			{"lovelace ada", "Ada Lovelace"}, {"ada nobody", ""}, {"soren lukasz", "Søren Łukasz"}, {"full", "ＦＵＬＬ Width"},
			{"ipek isik", "İpek Işık"}, {"STRASSE", "Straße"}, {"احمد", "أحمد"}, {"김", "김철수"}, {"σισυφοσ", "Σίσυφος"}, {"o'b", "O’Brien"},
		} {
			p.await(`(e => { e.value = ` + quoted(c.query) + `; e.dispatchEvent(new Event("input")); return true })(document.querySelector("#search"))`)
			p.await(namesJS + `.join() === ` + quoted(c.found))
		}
	}
}

// TestALinkLeadsToItsRoom is of addresses as they come out of chats, in a
// browser with a worker.
func TestALinkLeadsToItsRoom(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := visitAndKeep(t, s.url)
	room := func(p *person) *person {
		t.Helper()
		p.awaitAlive()
		p.await(`document.querySelector("dialog strong").textContent === "team"`)
		return p
	}
	for _, behind := range []string{"/", ").", "%E2%80%9D", ".?x"} {
		room(p.anotherTab(s.url + "/r/team" + behind)).do(chromedp.Navigate("about:blank"))
	}
	p.join("Ana")
	p.sees("Ana")
	p.click(".rooms-button")
	p.await(`(e => { e.value = "https://here.example.org/r/team"; return true })(document.querySelector("#room"))`)
	p.click("dialog .go .primary")
	p.await(`location.pathname === "/r/team"`)
}

// TestLookOfNamesInManyScripts leaves pictures of names that are hard to draw,
// in a room whose name is as long as one that is made up can be.
func TestLookOfNamesInManyScripts(t *testing.T) {
	t.Parallel()
	path := "/r/floating-starling-roterasa-filonare-vamenode"
	for state, reach := range map[string]func(*person){
		"names": joined(16),
		"names-invite": func(p *person) {
			joined(16)(p)
			p.click(".bar .primary")
			p.await(`document.querySelector("dialog.modal[open]")`)
		},
		"names-rooms": func(p *person) {
			joined(16)(p)
			p.click("#more")
			p.click(".more .button:nth-child(2)")
			p.click(`dialog .go .button[type="button"]`)
			p.await(`document.querySelector("#room").value.length > 25`)
		},
		"names-wall": func(p *person) { p.await(`document.querySelectorAll(".box").length >= 15`) },
	} {
		s := start(t)
		crowd(t, s, strings.TrimPrefix(path, "/r/"), "გიორგი ბერიძე", "(Ana) B", "श्रीमती लक्ष्मी", "কৃষ্ণ স্ত্রী", "សុខា ស្ត្រី", "မျှော်လင့် အောင်", "김철수", "שָׁלוֹם כהן",
			"مُحَمَّد علی", "🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F Harry", "👩🏻\u200D❤\uFE0F\u200D💋\u200D👩🏼", "ﬁona ǆemal", "གཀྲ་ཤིས་", "Ana 🫩", strings.Repeat("क्ष्म्य", 24))
		address := s.url + path
		if state == "names-wall" {
			address += "?view=wall"
		}
		p := visit(t, "Ana", address)
		reach(p)
		p.lookAt(state)
	}
}
