package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"reflect"
	"strings"
)

const (
	textLimit   = 10_000_000 // bytes of one MIME text
	bundleLimit = 30_000_000 // of all of one bundle
)

// bundleOf shows the values of the last expression of a cell; nil where there is nothing to see. An error that is nil
// behind other values is left out.
func bundleOf(values []any) map[string]string {
	if n := len(values); n > 0 && values[n-1] == nil {
		values = values[:n-1]
	}
	if len(values) == 0 {
		return nil
	}
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = textOf(value)
	}
	bundle := map[string]string{"text/plain": strings.Join(texts, " ")}
	if picture, ok := values[0].(image.Image); ok && len(values) == 1 {
		if text, err := pngText(picture); err == nil {
			bounds := picture.Bounds()
			bundle["text/plain"] = fmt.Sprintf("%T, %d × %d", picture, bounds.Dx(), bounds.Dy())
			bundle["image/png"] = text
		}
	}
	return limited(bundle)
}

func textOf(value any) string {
	if v := reflect.ValueOf(value); v.Kind() == reflect.Func {
		return v.Type().String()
	}
	return fmt.Sprintf("%v", value)
}

func pngText(picture image.Image) (string, error) {
	var data bytes.Buffer
	if err := png.Encode(&data, picture); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(data.Bytes()), nil
}

// limited cuts long texts, and leaves out other long forms, which would be broken when cut.
func limited(bundle map[string]string) map[string]string {
	kept := map[string]string{}
	room := bundleLimit
	for mime, text := range bundle {
		if strings.HasPrefix(mime, "text/") {
			kept[mime] = clip(text, min(textLimit, room))
		} else if len(text) > min(textLimit, room) {
			kept["text/plain"] += fmt.Sprintf("\n[%s left out: %d bytes are more than %d]", mime, len(text), textLimit)
			continue
		} else {
			kept[mime] = text
		}
		room = max(0, room-len(text))
	}
	return kept
}

// displayPackages are what cells import to show more than text: "display", and the functions of GoNB's gonbui that
// have the same meaning.
func displayPackages(s *session) map[string]map[string]reflect.Value {
	as := func(mime string) reflect.Value {
		return reflect.ValueOf(func(text string) { s.display(map[string]string{mime: text}) })
	}
	encoded := func(mime string) reflect.Value {
		return reflect.ValueOf(func(data []byte) {
			s.display(map[string]string{mime: base64.StdEncoding.EncodeToString(data)})
		})
	}
	picture := reflect.ValueOf(func(picture image.Image) error {
		text, err := pngText(picture)
		if err == nil {
			s.display(map[string]string{"image/png": text})
		}
		return err
	})
	values := reflect.ValueOf(func(values ...any) {
		if bundle := bundleOf(values); bundle != nil {
			s.display(bundle)
		}
	})
	structure := reflect.ValueOf(func(value any) error {
		text, err := json.Marshal(value)
		if err == nil {
			s.display(map[string]string{"application/json": string(text), "text/plain": textOf(value)})
		}
		return err
	})
	bundle := reflect.ValueOf(func(data map[string]string) { s.display(data) })
	return map[string]map[string]reflect.Value{
		"display/display": {
			"Show": values, "Text": as("text/plain"), "HTML": as("text/html"), "Markdown": as("text/markdown"),
			"Latex": as("text/latex"), "SVG": as("image/svg+xml"), "JavaScript": as("application/javascript"),
			"PNG": encoded("image/png"), "JPEG": encoded("image/jpeg"), "Image": picture, "JSON": structure, "MIME": bundle,
		},
		"github.com/janpfeifer/gonb/gonbui/gonbui": {
			"DisplayHTML": as("text/html"), "DisplayHtml": as("text/html"), "DisplayMarkdown": as("text/markdown"),
			"DisplaySVG": as("image/svg+xml"), "DisplaySvg": as("image/svg+xml"), "DisplayPNG": encoded("image/png"),
			"DisplayPng": encoded("image/png"), "DisplayImage": picture,
			"IsNotebook": reflect.ValueOf(&[]bool{true}[0]).Elem(),
		},
	}
}
