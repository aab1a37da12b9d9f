/** Swedish and Finnish. */
export default {
  id: "se",
  rows: {
    E: ["§ 1 2 3 4 5 6 7 8 9 0 + d´", '½ ! " # ¤ % & / ( ) = ? d`', "-- -- @ £ $ -- -- { [ ] } \\"],
    D: ["q w e r t y u i o p å d¨", "Q W E R T Y U I O P Å d^", "-- -- € -- -- -- -- -- -- -- -- d~"],
    C: ["a s d f g h j k l ö ä '", "A S D F G H J K L Ö Ä *"],
    B: ["< z x c v b n m , . -", "> Z X C V B N M ; : _", "| -- -- -- -- -- -- µ"],
  },
};
