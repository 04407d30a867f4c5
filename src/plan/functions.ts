/** The functions of expressions. (Contract stub: the list is owned by module plan.) */

export type FunctionName = string
