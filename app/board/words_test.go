package board

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"rollcall/shared/event"
)

func TestWhatIsNotKnownToBeSoNowIsDated(t *testing.T) {
	now := time.Date(2026, 11, 27, 9, 5, 0, 0, time.UTC)
	for want, at := range map[string]time.Time{
		"":                                    {},
		"at 09:05":                            now,
		"at 00:00":                            time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC),
		"on Thursday 26 November, 23:59":      time.Date(2026, 11, 26, 23, 59, 0, 0, time.UTC),
		"on Tuesday 27 October, 09:05":        time.Date(2026, 10, 27, 9, 5, 0, 0, time.UTC),
		"on Thursday 27 November 2025, 09:05": time.Date(2025, 11, 27, 9, 5, 0, 0, time.UTC),
	} {
		if got := AsOf(at, now); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
}

func TestHowLongSomebodyIsHereAndSinceWhenNotAnyMore(t *testing.T) {
	const now, minute = int64(1_000_000_000), int64(60_000)
	for _, c := range []struct {
		got, want string
	}{
		{Stay(now, now, false), "just now"},
		{Stay(now, now, true), "just come"},
		{Stay(now, now-45*minute, true), "45 min"},
		{Came(now, now, false), "Came just now"},
		{Came(now, now-45*minute, false), "Came 45 min ago"},
		{Came(now, now, true), "Had just come"},
		{Came(now, now-45*minute, true), "Had been here for 45 min"},
		{Left(now, 0), ""},
		{Left(now, now), "Left just now"},
		{Left(now, now-3*minute), "Left 3 min ago"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{
		"":                       "",
		"Ana":                    "A",
		"ana maría":              "AM",
		"Ana María López":        "AL",
		"Åsa Öberg":              "ÅÖ",
		"山田 太郎":                  "山太",
		"ليلى حداد":              "لح",
		"👩\u200d👩\u200d👧\u200d👦": "👩\u200d👩\u200d👧\u200d👦",
		"👩🏽\u200d🚀 Wei":          "👩🏽\u200d🚀",
		"Wei 👩🏽\u200d🚀":          "W",
		"🇪🇸🇫🇷 x":                 "🇪🇸",
		"1️⃣ x":                  "1️⃣X",
		"<b>":                    "B",
		"(Ana) B":                "AB",
		"Ana (HR)":               "AH",
		"“Ana” María":            "AM",
		"¡Ana! - López":          "AL",
		"@ana":                   "A",
		"O’Neil":                 "O",
		"...":                    ".",
		"( )":                    "(",
		"\u0600١٢":               "١",
		"‼️ Ana":                 "‼️",
		"#️⃣ Ana":                "#️⃣",
		"Ana ❤️":                 "A",
		"🫩 Ana":                  "🫩", // newer than Go's tables
		"გიორგი ბერიძე":          "გბ",
		"ǆemal ĳsbrand":          "ǅĲ",
		"ijsbrand":               "I",
		"ipek":                   "I",
		"ςίσυφος":                "Σ",
		"ﬁona":                   "ﬁ",
		"ꭰꮳ":                     "Ꭰ",
		"հայկ":                   "Հ",
		"йосиф ґудзь":            "ЙҐ",
		"שָׁלוֹם כהן":            "שָׁכ",
		"김철수":                    "김",
		"क्षत्रिय":               "क्ष",
		"र्\u200dय":              "र्\u200dय",
		"क्\u200cष":              "क्",
		"श्रीमती लक्ष्मी":           "श्रील",
		"কৃষ্ণ স্ত্রী":              "কৃস্ত্রী",
		"ស្ត្រី":                    "ស្ត្រី",
		"கிருஷ்ணன்":                 "கி",
		"กิ่งแก้ว น้ำ":              "กิ่น้",
		"🇪🇸":                        "🇪🇸",
		"🏳️\u200d🌈 x":               "🏳️\u200d🌈",
		"👩🏻\u200d❤️\u200d💋\u200d👩🏼": "👩🏻\u200d❤️\u200d💋\u200d👩🏼",
		"R2 D2": "RD",
		"ß s":   "ßS",
	} {
		if got := Initials(name); got != want {
			t.Errorf("%q has %q, want %q", name, got, want)
		}
	}
}

func FuzzInitials(f *testing.F) {
	f.Add("Ana María")
	f.Add("👩🏽\u200d🚀\u200d")
	f.Add("(((‼️")
	f.Add("क्क्क्क्क्क्क्क्क्क्क्क्")
	f.Fuzz(func(t *testing.T, name string) {
		got := Initials(name)
		if utf8.ValidString(name) && !utf8.ValidString(got) || utf8.RuneCountInString(got) > longest+1 {
			t.Errorf("%q has %q", name, got)
		}
		if strings.TrimSpace(name) != "" && got == "" {
			t.Errorf("%q has none", name)
		}
	})
}

func TestHowLongAgo(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Minute: "just now", 0: "just now", 59 * time.Second: "just now", time.Minute: "1 min", 59 * time.Minute: "59 min",
		time.Hour: "1 h", 23*time.Hour + 59*time.Minute: "23 h", 24 * time.Hour: "1 day", 72 * time.Hour: "3 days",
	} {
		if got := Ago(d.Milliseconds()+1000, 1000); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestWhatIsPlainlyWrongWithAName(t *testing.T) {
	for name, bad := range map[string]bool{
		"Ana": false, " A ": false, strings.Repeat("x", event.MaxTypedBytes): false,
		"": true, " \t ": true, strings.Repeat("x", event.MaxTypedBytes+1): true, "\xff": true,
	} {
		if got := CheckName(name); (got != "") != bad {
			t.Errorf("%q: %q", name, got)
		}
	}
}

func TestANameFromRightToLeftKeepsToItself(t *testing.T) {
	for _, name := range []string{"ليلى حداد", "שָׁלוֹם", "𞤀𞤣𞤤𞤢𞤥", "ߒߞߏ", "Ana שלום"} {
		if got := Isolate(name); got != "\u2068"+name+"\u2069" {
			t.Errorf("%q is %+q", name, got)
		}
	}
	for _, name := range []string{"", "Ana", "გიორგი", "王小明", "🏳️\u200d🌈", "लक्ष्मी"} {
		if got := Isolate(name); got != name {
			t.Errorf("%q is %+q", name, got)
		}
	}
	if got, want := party([]string{"ليلى", "דן", "Ana"}), "\u2068ليلى\u2069 and 2 others"; got != want {
		t.Errorf("a party is %+q", got)
	}
}
