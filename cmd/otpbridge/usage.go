package main

import "otpbridge/cmd/internal/cli"

// usageText says what is wrong with a command line: a format, by the name that package cli gives it. ok is false for what is none of those.
func usageText(name, lang string) (format string, ok bool) {
	if lang == "ja" {
		if format, ok = usageInJapanese()[name]; ok {
			return format, true
		}
	}
	format, ok = cli.Faults()[name]
	return format, ok
}

func usageInJapanese() map[string]string {
	return map[string]string{
		"usage_expected_one":  "次のいずれかを指定してください: %s",
		"usage_expected":      "引数 %q が必要です",
		"usage_unexpected":    "余分な引数です: %s%s",
		"usage_no_command":    "コマンド %s はありません%s",
		"usage_unknown_flag":  "オプション --%s はありません%s",
		"usage_unknown_short": "オプション -%s はありません（-%s）",
		"usage_needs_value":   "オプション %s には値が必要です",
		"usage_value":         "値 %q はオプション %q に使えません",
		"usage_duration":      "値 %q はオプション %q に使えません。\"30s\" や \"5m\" のような時間を指定してください",
		"usage_syntax":        "オプションの書き方が正しくありません: %s",
		"usage_missing_flag":  "オプション --%s=%s が必要です",
		"usage_allowed":       "%s には %s のいずれかを指定してください（指定された値: %q）",
		"usage_mean":          "（%s の誤りではありませんか）",
		"usage_mean_one":      "（次のいずれかの誤りではありませんか: %s）",
	}
}
