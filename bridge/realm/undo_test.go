package realm_test

import (
	"encoding/json"
	"testing"

	"otpbridge/bridge/realm"
)

// Issue 6: what somebody changed since stays, what was never made is left out, and what was removed comes back.
func TestUndoKeepsWhatOthersChanged(t *testing.T) {
	t.Parallel()
	s, w := plain(t)
	text := func(v any) json.RawMessage {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s.Settings["bruteForceProtected"], s.Settings["loginTheme"] = true, "somebody's"
	undo, kept := s.Undo([]realm.Change{
		{Kind: realm.KindSetting, Name: "bruteForceProtected", Was: text(false), Will: text(true)},
		{Kind: realm.KindSetting, Name: "loginTheme", Was: text(""), Will: text("ours")},
		{Kind: realm.KindSetting, Name: "eventsEnabled", Was: text(false), Will: text(true)}, // cut off before it was made
		{Kind: realm.KindClient, Name: "portal", Will: text(true)},
	}, w)
	if len(undo) != 2 || undo[0].Kind != realm.KindClient || undo[0].Will != nil || undo[1].Name != "bruteForceProtected" || string(undo[1].Will) != "false" {
		t.Errorf("undo %+v", undo)
	}
	if len(kept) != 1 || kept[0].Name != "loginTheme" {
		t.Errorf("kept %+v", kept)
	}
}

// Issue 6: before 26.5 fine-grained permissions stay switched on, since those who only manage users would get 500 about each of them (measured on 26.4.7).
// Where the server does not say its version, it is such a one.
func TestUndoSwitchesPermissionsOffWhereNobodyIsHarmed(t *testing.T) {
	t.Parallel()
	s, w := plain(t)
	s.Settings["adminPermissionsEnabled"] = true
	on := realm.Change{Kind: realm.KindSetting, Name: "adminPermissionsEnabled", Was: json.RawMessage("false"), Will: json.RawMessage("true")}
	for version, stays := range map[string]bool{"": true, "26.4.7": true, "26.5.0": false, "26.7.4": false} {
		w.Version = version
		undo, kept := s.Undo([]realm.Change{on}, w)
		if len(undo)+len(kept) != 1 || (len(kept) == 1) != stays {
			t.Errorf("%q: undo %+v, kept %+v", version, undo, kept)
		}
	}
}

// Issue 6: what was changed twice goes back to the beginning at once, what was made and removed again is left alone, and what was removed and made
// again by us, too.
func TestUndoGoesBackToTheBeginning(t *testing.T) {
	t.Parallel()
	s, w := plain(t)
	text := func(v string) json.RawMessage { return json.RawMessage(`"` + v + `"`) }
	s.Settings["loginTheme"] = "two"
	rule := json.RawMessage(`{"users":["x"]}`)
	undo, kept := s.Undo([]realm.Change{
		{Kind: realm.KindAccessRule, Name: "between", Will: rule},
		{Kind: realm.KindSetting, Name: "loginTheme", Was: text("none"), Will: text("one")},
		{Kind: realm.KindSetting, Name: "loginTheme", Was: text("one"), Will: text("two")},
		{Kind: realm.KindAccessRule, Name: "between", Was: rule},
	}, w)
	if len(kept) > 0 || len(undo) != 1 || string(undo[0].Was) != `"two"` || string(undo[0].Will) != `"none"` {
		t.Errorf("undo %+v, kept %+v", undo, kept)
	}
}

// Issue 6: what is removed and made anew is gone when it is cut off in between; it comes back as it was, whether apply was repeated or not.
func TestUndoBringsBackWhatWasCutOff(t *testing.T) {
	t.Parallel()
	theirs, ours := json.RawMessage(`{"protocolMapper":"theirs","config":null}`), json.RawMessage(`{"protocolMapper":"ours","config":null}`)
	cut := realm.Change{Kind: realm.KindMapper, Of: "portal", Name: "realm roles", Was: theirs, Will: ours}
	repeated := cut
	repeated.Was = nil
	s, w := plain(t)
	undo, kept := s.Undo([]realm.Change{cut}, w)
	if len(kept) > 0 || len(undo) != 1 || undo[0].Was != nil || string(undo[0].Will) != string(theirs) {
		t.Errorf("cut off: undo %+v, kept %+v", undo, kept)
	}
	portal := s.Client("portal")
	portal.Mappers = append(portal.Mappers, realm.Mapper{Name: "realm roles", Mapper: "ours"})
	undo, kept = s.Undo([]realm.Change{cut, repeated}, w)
	if len(kept) > 0 || len(undo) != 1 || string(undo[0].Was) != string(ours) || string(undo[0].Will) != string(theirs) {
		t.Errorf("cut off and repeated: undo %+v, kept %+v", undo, kept)
	}
}
