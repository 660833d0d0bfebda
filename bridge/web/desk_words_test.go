package web_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"otpbridge/bridge"
	"otpbridge/bridge/bridgetest/campus"
	"otpbridge/bridge/view"
)

var oneChoice = regexp.MustCompile(`<label class="opt word">.*?</label>`)

// HD-14: no page of an operator knows the match words before the call-back, and the one that offers six says nothing of which is right.
func TestNoOperatorPageKnowsTheWordsBeforeTheCallBack(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	p, carol, dave := caller(t, c, "somebody"), operator(t, c, "carol"), operator(t, c, "dave")
	carol.looksUp("somebody", p.reads())
	carol.decides(http.StatusUnprocessableEntity, "approve", "", "video")
	dave.looksForPermit("somebody", http.StatusOK)
	before := len(c.Answers())
	carol.send("/desk/case", http.StatusOK, "do", "callback")
	b := recovery(t, c, "somebody").Call.Case.CallBack
	dave.open("/desk", http.StatusOK)
	seen := 0
	for i, a := range c.Answers() {
		if !strings.HasPrefix(a.Path, "/desk") || strings.Contains(a.Body, `class="opt word"`) {
			continue
		}
		seen++
		for _, pair := range b.Choices {
			if words := view.MatchWords("en", pair); strings.Contains(text(a.Body), words) {
				t.Errorf("%s %s (%d of %d) knows %q", a.Method, a.Path, i, before, words)
			}
		}
	}
	if seen < 6 {
		t.Errorf("%d answers were looked at", seen)
	}
	shapes := map[string]bool{}
	choices := oneChoice.FindAllString(carol.Body, -1)
	for i, choice := range choices {
		pair := strconv.Itoa(b.Choices[i])
		shape := strings.NewReplacer(`value="`+pair+`"`, "", `id="words-`+strconv.Itoa(i)+`"`, "").Replace(choice)
		shapes[strings.Join(tags.FindAllString(shape, -1), "")] = true
	}
	if len(choices) != bridge.MatchChoices || len(shapes) != 1 {
		t.Errorf("%d choices of %d shapes", len(choices), len(shapes))
	}
}

// HD-14: the right pair stands at each of the six places as often as at another one, and so does every pair of the list.
func TestThePlaceOfTheRightWordsIsRandom(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	member(c, "somebody")
	withPhone(c, "somebody")
	p := caller(t, c, "somebody")
	o := bridge.Operator{Person: "carol", Name: "Carol"}
	person, err := c.Flow.LookUp(t.Context(), o, "somebody", p.reads())
	if err != nil {
		t.Fatal(err)
	}
	const draws = 600
	places, pairs := map[int]int{}, map[int]bool{}
	for range draws {
		if err := c.Flow.CallBack(t.Context(), o, person, view.MatchWordCount); err != nil {
			t.Fatal(err)
		}
		b := recovery(t, c, "somebody").Call.Case.CallBack
		if len(slices.Compact(slices.Sorted(slices.Values(b.Choices)))) != bridge.MatchChoices {
			t.Fatalf("a pair stands twice: %v", b.Choices)
		}
		places[slices.Index(b.Choices, b.Right)]++
		pairs[b.Right] = true
	}
	for place := range bridge.MatchChoices {
		if n := places[place]; n < draws/12 || n > draws/4 { // 100 on average; five times the deviation
			t.Errorf("place %d: %d of %d", place, n, draws)
		}
	}
	if len(pairs) < view.MatchWordCount*9/10 {
		t.Errorf("only %d of %d pairs were ever right", len(pairs), view.MatchWordCount)
	}
}

// RL-07: six calls an hour are one person's; the seventh start is refused, and somebody else starts.
func TestStartsOfCallsAreLimitedForEachPerson(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p := at(t, c, "bob")
	p.signIn("bob")
	start := func(want int) {
		t.Helper()
		p.open("/recovery", http.StatusOK)
		p.send("/recovery", want, "do", "start", "reason", "lost", "way", "desk")
	}
	for range bridge.LimitCallHour.Count {
		start(http.StatusOK)
		p.reads()
		p.send("/recovery", http.StatusOK, "do", "restart")
	}
	start(http.StatusTooManyRequests)
	caller(t, c, "alice").reads()
}

// HD-02: ten renewals in a row: each code is another one, none but the last works, and no failure is forgotten.
func TestTenRenewalsOfACallCode(t *testing.T) {
	t.Parallel()
	c := campus.OpenDesk(t)
	p, carol := caller(t, c, "bob"), operator(t, c, "carol")
	carol.send("/desk", http.StatusUnprocessableEntity, "name", "bob", "code", "00000000")
	codes := []string{p.reads()}
	for range 10 {
		p.send("/recovery", http.StatusOK, "do", "renew")
		codes = append(codes, p.reads())
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(codes))); len(distinct) != len(codes) {
		t.Errorf("%d different codes of %d", len(distinct), len(codes))
	}
	last := codes[len(codes)-1]
	dave := operator(t, c, "dave")
	carol.open("/desk", http.StatusOK)
	for i, old := range []string{codes[0], codes[1], codes[5], codes[9]} {
		o := []*person{carol, dave}[i%2]
		if i == 3 {
			carol.looksUp("bob", last)
			carol.send("/desk/case", http.StatusOK, "do", "release")
		}
		o.send("/desk", http.StatusUnprocessableEntity, "name", "bob", "code", old)
	}
	if r := recovery(t, c, "bob"); r.End != bridge.EndTooMany {
		t.Errorf("%s %s after five wrong codes of two operators", r.State, r.End)
	}
}
