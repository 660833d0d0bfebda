package service

import (
	"strings"

	"otpbridge/bridge"
	"otpbridge/oidc"
)

// Cause is what an error says without the codes that are for the log, wherever a cause stands behind them.
func Cause(err error) string {
	text := err.Error()
	for _, inner := range causes(err) {
		code, cause := "", error(nil)
		switch e := inner.(type) { //nolint:errorlint // each of the tree is looked at
		case *bridge.Error:
			code, cause = string(e.Code), e.Err
		case *oidc.Error:
			code, cause = string(e.Code), e.Err
		}
		if cause == nil {
			continue
		}
		whole, behind := inner.Error(), cause.Error()
		if before, ok := strings.CutSuffix(whole, code+": "+behind); ok {
			text = strings.Replace(text, whole, before+behind, 1)
		}
	}
	return text
}

// causes are an error and all that it wraps, the outer ones first.
func causes(err error) (all []error) {
	if err == nil {
		return nil
	}
	all = append(all, err)
	switch e := err.(type) { //nolint:errorlint // this one alone
	case interface{ Unwrap() error }:
		all = append(all, causes(e.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			all = append(all, causes(one)...)
		}
	}
	return all
}
