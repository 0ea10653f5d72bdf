package edge
import (
 _ "github.com/julienschmidt/httprouter"
 _ "github.com/klauspost/compress/zstd"
 _ "github.com/klauspost/compress/gzip"
 _ "github.com/VictoriaMetrics/fastcache"
 _ "modernc.org/sqlite"
 _ "github.com/parquet-go/parquet-go"
 _ "github.com/kardianos/service"
 _ "github.com/spf13/cobra"
 _ "github.com/BurntSushi/toml"
 _ "github.com/prometheus/client_golang/prometheus/promhttp"
 _ "github.com/google/uuid"
 _ "golang.org/x/term"
 _ "golang.org/x/sys/unix"
 _ "github.com/schollz/progressbar/v3"
)
