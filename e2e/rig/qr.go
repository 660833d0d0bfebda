package rig

import (
	"bytes"
	"image"
	_ "image/png" // screenshots
	"os"
	"os/exec"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// QR returns what the QR code on the page says, read from a picture by programs that know nothing of ours.
func (p *Page) QR(name string) string {
	p.t.Helper()
	return p.ReadQR(p.Screenshot(name))
}

// ReadQR returns what the QR code in a picture says, to two readers.
func (p *Page) ReadQR(file string) string {
	p.t.Helper()
	text, err := exec.CommandContext(p.t.Context(), "zbarimg", "-q", "--nodbus", "--raw", file).Output()
	if err != nil {
		p.t.Fatalf("zbarimg: no QR code in %s: %v", file, err)
	}
	one := strings.TrimSpace(string(text))
	if other, err := zxing(file); err != nil || other != one {
		p.t.Errorf("%s says %q to zbarimg and %q to ZXing (%v)", file, one, other, err)
	}
	return one
}

// zxing reads a picture as the reader in many phones does.
func zxing(file string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	picture, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return "", err
	}
	bits, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		return "", err
	}
	found, err := qrcode.NewQRCodeReader().Decode(bits, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return "", err
	}
	return found.GetText(), nil
}
