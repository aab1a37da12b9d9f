/** German. */
export default {
  id: "de",
  rows: {
    E: ["d^ 1 2 3 4 5 6 7 8 9 0 ß d´", '° ! " § $ % & / ( ) = ? d`', "-- -- ² ³ -- -- -- { [ ] } \\"],
    D: ["q w e r t z u i o p ü +", "Q W E R T Z U I O P Ü *", "@ -- € -- -- -- -- -- -- -- -- ~"],
    C: ["a s d f g h j k l ö ä #", "A S D F G H J K L Ö Ä '"],
    B: ["< y x c v b n m , . -", "> Y X C V B N M ; : _", "| -- -- -- -- -- -- µ"],
  },
};
