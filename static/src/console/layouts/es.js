/** Spanish (Spain). */
export default {
  id: "es",
  rows: {
    E: ["º 1 2 3 4 5 6 7 8 9 0 ' ¡", 'ª ! " · $ % & / ( ) = ? ¿', "\\ | @ # ~ -- ¬"],
    D: ["q w e r t y u i o p d` +", "Q W E R T Y U I O P d^ *", "-- -- € -- -- -- -- -- -- -- [ ]"],
    C: ["a s d f g h j k l ñ d´ ç", "A S D F G H J K L Ñ d¨ Ç", "-- -- -- -- -- -- -- -- -- -- { }"],
    B: ["< z x c v b n m , . -", "> Z X C V B N M ; : _"],
  },
};
