module github.com/akushu/akushu

go 1.26
