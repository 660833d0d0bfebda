package config

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"otpbridge/bridge"
)

func date() parser[string] {
	allowed := Words{"a date like 2026-11-01", "2026-11-01 のような日付"}
	return parser[string]{allowed: allowed, form: form{pattern: `^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$`}, parse: func(s string) (string, *Words) {
		if _, err := time.Parse(time.DateOnly, s); err != nil {
			return "", bad(Words{"is no date", "は日付ではありません"})
		}
		return s, nil
	}}
}

func way() parser[bridge.Way] {
	p := choice(string(bridge.WayMail), string(bridge.WayDesk))
	return parser[bridge.Way]{allowed: p.allowed, form: p.form, parse: func(s string) (bridge.Way, *Words) {
		v, wrong := p.parse(s)
		return bridge.Way(v), wrong
	}}
}

var knowledge = Words{"is a question about what a person knows, which others can find out", "は本人の知識を問うもので、他人も調べられます"}

// checkID names a check; HD-08: knowledge is none.
func checkID() parser[string] {
	p := matching(`^[a-z][a-z0-9_]{0,31}$`, Words{"callback, photo_id, or a name of small letters, digits and underscores", "callback、photo_id、または英小文字・数字・下線の名前"})
	return p.but(func(s string) *Words {
		if asksForKnowledge(s) {
			return &knowledge
		}
		return nil
	})
}

// Words that give away a check which rests on what somebody knows. Long ones are looked for anywhere, short ones as words.
func knowledgeWords() (anywhere, alone []string) {
	return []string{
		"knowledge", "question", "maiden", "birth", "favourite", "favorite", "password", "passphrase", "secretword", "secretanswer", "sharedsecret",
		"mothersname", "petsname", "petname", "studentnumber", "staffnumber", "employeenumber", "homeaddress", "postaladdress", "postalcode", "postcode", "zipcode",
		"質問", "知識", "生年月日", "誕生日", "出生", "旧姓", "合言葉", "合い言葉", "暗証", "パスワード", "学籍番号", "職員番号", "社員番号", "住所", "郵便番号",
	}, []string{"kba", "kbv", "dob", "pin", "ssn", "mother", "pet"}
}

// asksForKnowledge tells whether an id or a label means a question about what a person knows, or personal data alone.
func asksForKnowledge(s string) bool {
	words := strings.FieldsFunc(strings.ToLower(norm.NFKC.String(s)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	together := strings.Join(words, "")
	anywhere, alone := knowledgeWords()
	return slices.ContainsFunc(anywhere, func(w string) bool { return strings.Contains(together, w) }) ||
		slices.ContainsFunc(alone, func(w string) bool { return slices.Contains(words, w) })
}
