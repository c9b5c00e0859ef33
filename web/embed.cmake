# Makes a C file of a file's bytes: cmake -DIN=… -DOUT=… -DNAME=… -P embed.cmake
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
string(REGEX REPLACE "(('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',)('[^']*',))" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "#include \"web/assets.h\"\n\nstatic const char bytes[] = {\n${bytes}'\\0'};\nconst web_asset ${NAME} = {bytes, sizeof bytes - 1};\n")
