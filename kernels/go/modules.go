package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// gopathOfCells is a GOPATH that does not exist: below its src/ the interpreter looks for the source of what cells
// import, and modules answers with files of the image.
const gopathOfCells = "/opensandbox-gopath"

// modules finds the source of a package in, by turns: the module of the working directory with its vendor folder, the
// GOPATH, the module cache (the version that the module of the working directory requires, else the highest), GOROOT.
type modules struct {
	tools    toolchain
	versions map[string]string // directory in the module cache of a module that was chosen, by its path
}

func newModules(tools toolchain) *modules {
	return &modules{tools: tools, versions: map[string]string{}}
}

func (m *modules) Open(name string) (fs.File, error) {
	path, err := m.real(name)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

func (m *modules) real(name string) (string, error) {
	path, found := strings.CutPrefix(filepath.Clean(name), gopathOfCells+"/src/")
	if !found {
		return name, nil // relative imports
	}
	for _, candidate := range m.candidates(path) {
		if _, err := os.Stat(candidate); err == nil {
			return candidate, nil
		}
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

func (m *modules) candidates(path string) (found []string) {
	if strings.Contains("/"+path+"/", "/vendor/") {
		return nil // the interpreter looks for one beside everything
	}
	root := moduleRoot(".")
	if root != "" {
		own, _ := moduleFile(root)
		if path == own || strings.HasPrefix(path, own+"/") {
			found = append(found, filepath.Join(root, strings.TrimPrefix(path, own)))
		}
		found = append(found, filepath.Join(root, "vendor", path))
	}
	for _, gopath := range gopaths() {
		found = append(found, filepath.Join(gopath, "src", path))
	}
	if directory := m.cached(root, path); directory != "" {
		found = append(found, directory)
	}
	if goroot := m.tools.root(); goroot != "" {
		found = append(found, filepath.Join(goroot, "src", path), filepath.Join(goroot, "src", "vendor", path))
	}
	return found
}

// cached is where the module cache has a package: in the module with the longest path that begins it.
func (m *modules) cached(root, path string) string {
	for module := path; module != "." && module != "/"; module = filepath.Dir(module) {
		directory, known := m.versions[module]
		if !known {
			directory = newestVersion(root, module)
			m.versions[module] = directory
		}
		if directory == "" {
			continue
		}
		inside := filepath.Join(directory, strings.TrimPrefix(path, module))
		if _, err := os.Stat(inside); err == nil {
			return inside
		}
	}
	return ""
}

func newestVersion(root, module string) string {
	escaped := escapedPath(module)
	parent, last := filepath.Split(filepath.Join(moduleCache(), escaped))
	if root != "" {
		if _, required := moduleFile(root); required[module] != "" {
			directory := filepath.Join(parent, last+"@"+required[module])
			if _, err := os.Stat(directory); err == nil {
				return directory
			}
		}
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		return ""
	}
	var versions []string
	for _, entry := range entries {
		if version, found := strings.CutPrefix(entry.Name(), last+"@"); found && entry.IsDir() {
			versions = append(versions, version)
		}
	}
	if len(versions) == 0 {
		return ""
	}
	sort.Slice(versions, func(i, j int) bool { return olderVersion(versions[i], versions[j]) })
	return filepath.Join(parent, last+"@"+versions[len(versions)-1])
}

// olderVersion compares "v1.2.3" and "v1.2.3-rc1" numerically; a pre-release is older than its release.
func olderVersion(a, b string) bool {
	aCore, aPre, aHas := strings.Cut(strings.TrimPrefix(a, "v"), "-")
	bCore, bPre, bHas := strings.Cut(strings.TrimPrefix(b, "v"), "-")
	aParts, bParts := strings.Split(aCore, "."), strings.Split(bCore, ".")
	for i := 0; i < len(aParts) && i < len(bParts); i++ {
		x, _ := strconv.Atoi(aParts[i])
		y, _ := strconv.Atoi(bParts[i])
		if x != y {
			return x < y
		}
	}
	if aHas != bHas {
		return aHas
	}
	return aPre < bPre
}

// escapedPath writes capital letters as the module cache does: "!a" for "A".
func escapedPath(path string) string {
	var escaped strings.Builder
	for _, r := range path {
		if r >= 'A' && r <= 'Z' {
			escaped.WriteByte('!')
			r += 'a' - 'A'
		}
		escaped.WriteRune(r)
	}
	return escaped.String()
}

func gopaths() []string {
	if list := filepath.SplitList(os.Getenv("GOPATH")); len(list) > 0 {
		return list
	}
	if home, err := os.UserHomeDir(); err == nil {
		return []string{filepath.Join(home, "go")}
	}
	return nil
}

func moduleCache() string {
	if cache := os.Getenv("GOMODCACHE"); cache != "" {
		return cache
	}
	if list := gopaths(); len(list) > 0 {
		return filepath.Join(list[0], "pkg", "mod")
	}
	return ""
}

// moduleRoot is the directory at or above `from` that has a go.mod, or empty.
func moduleRoot(from string) string {
	directory, err := filepath.Abs(from)
	if err != nil {
		return ""
	}
	for {
		if info, err := os.Stat(filepath.Join(directory, "go.mod")); err == nil && info.Mode().IsRegular() {
			return directory
		}
		if directory == "/" {
			return ""
		}
		directory = filepath.Dir(directory)
	}
}

var (
	moduleLine  = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)"?`)
	requireLine = regexp.MustCompile(`(?m)^\s*(?:require\s+)?([^\s"()]+)\s+(v[0-9][^\s]*)`)
)

// moduleFile reads the path of a module and the versions that it requires.
func moduleFile(root string) (path string, required map[string]string) {
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	required = map[string]string{}
	if err != nil {
		return "", required
	}
	if found := moduleLine.FindSubmatch(text); found != nil {
		path = string(found[1])
	}
	for _, found := range requireLine.FindAllSubmatch(text, -1) {
		required[string(found[1])] = string(found[2])
	}
	return path, required
}
