package fc

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"weir/internal/cloud"
)

// cors reads which pages of other sites may use a function's name.
func cors(c *CORSConfig) (*cloud.CORS, error) {
	if c == nil || len(c.AllowOrigins) == 0 && len(c.AllowMethods) == 0 && len(c.AllowHeaders) == 0 && len(c.ExposeHeaders) == 0 && c.MaxAge == nil && c.AllowCredentials == nil {
		return nil, nil
	}
	if n := value(c.MaxAge); n < 0 || n > 86400 {
		return nil, invalid("corsConfig.maxAge is set to an invalid value: want 0 to 86400")
	}
	if value(c.AllowCredentials) && slices.Contains(c.AllowOrigins, "*") {
		return nil, invalid("corsConfig.allowOrigins must not be * where allowCredentials is true")
	}
	return &cloud.CORS{Origins: c.AllowOrigins, Methods: c.AllowMethods, Headers: c.AllowHeaders, Expose: c.ExposeHeaders,
		Credentials: value(c.AllowCredentials), MaxAge: int(value(c.MaxAge))}, nil
}

// share tells a browser whether a page of another site may read the answer. It
// answers the question whether a request may be made, and says so.
func share(c *cloud.CORS, w http.ResponseWriter, r *http.Request) (answered bool) {
	origin, asked := r.Header.Get("Origin"), r.Header.Get("Access-Control-Request-Method")
	if c == nil || origin == "" {
		return false
	}
	preflight := r.Method == http.MethodOptions && asked != ""
	h := w.Header()
	h.Add("Vary", "Origin")
	if allows(c.Origins, origin) && (!preflight || allows(c.Methods, asked)) {
		h.Set("Access-Control-Allow-Origin", origin)
		if slices.Contains(c.Origins, "*") {
			h.Set("Access-Control-Allow-Origin", "*")
		}
		if c.Credentials {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		if len(c.Expose) > 0 {
			h.Set("Access-Control-Expose-Headers", strings.Join(c.Expose, ","))
		}
		if preflight {
			h.Set("Access-Control-Allow-Methods", strings.Join(c.Methods, ","))
			h.Set("Access-Control-Allow-Headers", strings.Join(c.Headers, ","))
			h.Set("Access-Control-Max-Age", strconv.Itoa(c.MaxAge))
		}
	}
	if preflight {
		w.WriteHeader(http.StatusOK)
	}
	return preflight
}

func allows(list []string, s string) bool {
	return slices.Contains(list, "*") || slices.Contains(list, s)
}
