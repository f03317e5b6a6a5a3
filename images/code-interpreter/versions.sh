# What is not Debian's. Checked by npm's integrity field and Go's checksum database.
node_versions="20.20.2 22.23.3"
node_default=22.23.3
npm_version=10.9.3
go_versions="1.24.11 1.25.5"
go_default=1.25.5
