/** German (Switzerland). */
export default {
  id: "ch",
  rows: {
    E: ["§ 1 2 3 4 5 6 7 8 9 0 ' d^", '° + " * ç % & / ( ) = ? d`', "-- -- @ # -- -- ¬ | ¢ -- -- d´ d~"],
    D: ["q w e r t z u i o p ü d¨", "Q W E R T Z U I O P è !", "-- -- € -- -- -- -- -- -- -- [ ]"],
    C: ["a s d f g h j k l ö ä $", "A S D F G H J K L é à £", "-- -- -- -- -- -- -- -- -- -- { }"],
    B: ["< y x c v b n m , . -", "> Y X C V B N M ; : _", "\\"],
  },
};
