module github.com/plugproof/plugproof/verify/sealed

go 1.21
