package view

import (
	"html/template"
	"time"
)

// answers are the methods that templates may ask, as functions: {{if stolen .P}}. Templates reach fields by their names but no methods:
// packages text and html of the copy of Go's template packages that is used here look none up, so that the linker drops what nobody calls.
// With Go's own it keeps every exported method of the whole program, a third of the binary.
func answers() template.FuncMap {
	return template.FuncMap{
		"after": time.Time.After,
		"zero":  time.Time.IsZero,

		"again":        Ended.Again,
		"beat":         Frame.Beat,
		"closed":       Call.Closed,
		"endIn":        Frame.EndIn,
		"endTitle":     Locked.EndTitle,
		"expired":      Call.Expired,
		"idleIn":       Frame.IdleIn,
		"keptNames":    func(p interface{ KeptNames() []string }) []string { return p.KeptNames() },
		"left":         Case.Left,
		"lines":        RecoveryCodes.Lines,
		"low":          CodesLeft.Low,
		"masked":       func(p interface{ Masked() bool }) bool { return p.Masked() },
		"maxTemporary": TemporaryNone.MaxTemporary,
		"near":         Frame.Near,
		"reasonChosen": Request.ReasonChosen,
		"renewIn":      Call.RenewIn,
		"codeEndsIn":   Call.CodeEndsIn,
		"risky":        Case.Risky,
		"soon":         Call.Soon,
		"stolen":       func(p interface{ Stolen() bool }) bool { return p.Stolen() },
		"ticked":       Case.Ticked,
		"nocall":       Case.NoCall,
		"today":        func(p interface{ Today() bool }) bool { return p.Today() },
		"unchanged":    Ended.Unchanged,
		"uncommon":     Enrol.Uncommon,
		"unproven":     Ended.Unproven,
		"vetoed":       Ended.Vetoed,
		"warnIn":       func(p interface{ WarnIn() int }) int { return p.WarnIn() },
		"wayChosen":    Request.WayChosen,
		"whyNone":      TemporaryNone.Why,
		"whyShut":      PermitPerson.WhyShut,
		"whyPhone":     Request.WhyPhone,
	}
}
