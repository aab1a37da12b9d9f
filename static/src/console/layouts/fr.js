/** French (AZERTY). */
export default {
  id: "fr",
  rows: {
    E: ["² & é \" ' ( - è _ ç à ) =", "-- 1 2 3 4 5 6 7 8 9 0 ° +", "-- -- ~ # { [ | ` \\ ^ @ ] }"],
    D: ["a z e r t y u i o p d^ $", "A Z E R T Y U I O P d¨ £", "-- -- €"],
    C: ["q s d f g h j k l m ù *", "Q S D F G H J K L M % µ"],
    B: ["< w x c v b n , ; : !", "> W X C V B N ? . / §"],
  },
};
