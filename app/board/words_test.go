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

func TestUntilWhenSomethingIsSo(t *testing.T) {
	now := time.Date(2026, 11, 27, 13, 20, 0, 0, time.UTC) // a Friday
	evening := time.Date(2026, 11, 27, 23, 50, 0, 0, time.UTC)
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2026, month, day, hour, minute, 0, 0, time.UTC)
	}
	for _, c := range []struct {
		now, end                 time.Time
		short, exactly, thatTime string // that time is short, of what was so at now
	}{
		{now, now.Add(-time.Millisecond), "", "", ""},
		{now, now, "until 13:20", "until 13:20", "until 13:20"},
		{now, now.Add(time.Millisecond), "until 13:21", "until 13:21", "until 13:21"},
		{now, at(11, 27, 14, 0), "until 14:00", "until 14:00", "until 14:00"},
		{now, at(11, 27, 23, 59), "until 23:59", "until 23:59", "until 23:59"},
		{now, at(11, 28, 0, 0), "until midnight", "until midnight", "until midnight"},
		{now, at(11, 28, 0, 0).Add(-time.Second), "until midnight", "until midnight", "until midnight"},
		{now, at(11, 28, 1, 0), "until 01:00", "until 01:00", "until 01:00"},
		{now, at(11, 28, 9, 0), "until Sat", "until tomorrow at 09:00", "until 28 Nov"},
		{evening, at(11, 28, 0, 0), "until midnight", "until midnight", "until midnight"},
		{evening, at(11, 28, 8, 30), "until 08:30", "until 08:30", "until 08:30"},
		{evening, at(11, 28, 23, 50), "until Sat", "until tomorrow at 23:50", "until 28 Nov"},
		{now, at(11, 29, 0, 0), "until Sun", "until Sunday at 00:00", "until 29 Nov"},
		{now, at(12, 3, 23, 59), "until Thu", "until Thursday at 23:59", "until 3 Dec"},
		{now, at(12, 4, 0, 0), "until 4 Dec", "until 4 December at 00:00", "until 4 Dec"}, // another Friday
		{now, at(13, 4, 9, 0), "until 4 Jan 2027", "until 4 January 2027 at 09:00", "until 4 Jan 2027"},
	} {
		if got := Until(c.end, c.now, false); got != c.short {
			t.Errorf("%v at %v: %q, want %q", c.end, c.now, got, c.short)
		}
		if got := UntilExactly(c.end, c.now, false); got != c.exactly {
			t.Errorf("%v at %v: exactly %q, want %q", c.end, c.now, got, c.exactly)
		}
		if got := Until(c.end, c.now, true); got != c.thatTime {
			t.Errorf("%v at %v: that time %q, want %q", c.end, c.now, got, c.thatTime)
		}
	}
}

func TestTheDaysUntilSomethingEndsAreThoseOfTheReader(t *testing.T) {
	summer, winter := time.FixedZone("", 2*3600), time.FixedZone("", 3600) // of one place
	saturday := time.Date(2026, 10, 24, 9, 0, 0, 0, summer)
	for _, c := range []struct {
		now, end time.Time
		want     string
	}{
		{saturday, time.Date(2026, 10, 25, 9, 0, 0, 0, winter), "until tomorrow at 09:00"},
		{saturday, time.Date(2026, 10, 26, 0, 0, 0, 0, winter), "until Monday at 00:00"},
		{saturday, time.Date(2026, 10, 25, 0, 0, 0, 0, summer), "until midnight"},
		{time.Date(2026, 11, 27, 23, 0, 0, 0, time.FixedZone("", -11*3600)), time.Date(2026, 11, 28, 12, 0, 0, 0, time.FixedZone("", -11*3600)), "until tomorrow at 12:00"},
		{time.Date(2026, 11, 27, 12, 10, 0, 0, time.FixedZone("", 20700)), time.Date(2026, 11, 27, 12, 15, 1, 0, time.FixedZone("", 20700)), "until 12:16"},
	} {
		if got := UntilExactly(c.end, c.now, false); got != c.want {
			t.Errorf("%v at %v: %q, want %q", c.end, c.now, got, c.want)
		}
	}
}

func TestHowSomebodyIsInWords(t *testing.T) {
	const now, minute = int64(1_000_000_000), int64(60_000)
	const busy, away, later = event.StatusBusy, event.StatusAway, "until 14:00"
	for _, c := range []struct {
		user                event.User
		until               string
		detail, exact, then string
	}{
		{event.User{}, "", "45 min", "Here", "Here at 09:05"},
		{event.User{}, later, "45 min", "Here", "Here at 09:05"}, // nothing ends then
		{event.User{Note: "Lunch"}, "", "Lunch", "Here", "Here at 09:05"},
		{event.User{Note: "Lunch"}, later, "Lunch until 14:00", "Here", "Here at 09:05"},
		{event.User{Status: away}, "", "away", "Away", "Away at 09:05"}, // it is not known since when
		{event.User{Status: away, StatusSince: now}, "", "away", "Away", "Away at 09:05"},
		{event.User{Status: away, StatusSince: now + minute}, "", "away", "Away", "Away at 09:05"},
		{event.User{Status: away, StatusSince: now - 12*minute}, "", "away 12 min", "Away for 12 min", "Away at 09:05"},
		{event.User{Status: away, StatusSince: now - 12*minute, Note: "Lunch"}, "", "away · Lunch", "Away for 12 min", "Away at 09:05"},
		{event.User{Status: busy, StatusSince: now}, later, "busy until 14:00", "Busy until 14:00", "Busy at 09:05, until 14:00"},
		{event.User{Status: busy, StatusSince: now - 12*minute}, later, "busy until 14:00", "Busy for 12 min, until 14:00", "Busy at 09:05, until 14:00"},
		{event.User{Status: busy, StatusSince: now - 12*minute, Note: "חוזר"}, later, "busy until 14:00 · חוזר", "Busy for 12 min, until 14:00", "Busy at 09:05, until 14:00"},
		{event.User{Status: "asleep", StatusSince: now - 3*60*minute}, "", "asleep 3 h", "asleep for 3 h", "asleep at 09:05"}, // of a newer server
		{event.User{Status: busy, StatusSince: now - 12*minute, Note: "Lunch", Link: event.LinkReconnecting}, later, "reconnecting", "Reconnecting", "Reconnecting at 09:05"},
	} {
		c.user.Since = now - 45*minute
		d := DetailOf(c.user, now, false, c.until)
		got := d.Before + d.Note + d.After
		if d.Before != "" && d.Note != "" {
			got = d.Before + " · " + d.Note + d.After
		}
		if got != c.detail || d.Note != "" && d.Note != c.user.Note {
			t.Errorf("%+v, %q: %q, want %q", c.user, c.until, got, c.detail)
		}
		if got := How(c.user, now, c.until); got != c.exact {
			t.Errorf("%+v, %q: %q, want %q", c.user, c.until, got, c.exact)
		}
		if got := HowThen(c.user, "at 09:05", c.until); got != c.then {
			t.Errorf("%+v, %q: %q, want %q", c.user, c.until, got, c.then)
		}
	}
	if got := DetailOf(event.User{Since: now}, now, true, ""); got != (Detail{Before: "just come"}) {
		t.Errorf("who had just come: %+v", got)
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
		if utf8.ValidString(name) && !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxCluster+1 {
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
	if got, want := listNames([]string{"ليلى", "דן", "Ana"}), "\u2068ليلى\u2069 and 2 others"; got != want {
		t.Errorf("a party is %+q", got)
	}
}
