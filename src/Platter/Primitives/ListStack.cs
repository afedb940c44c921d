using System.Diagnostics.CodeAnalysis;

namespace Platter.Primitives;

/// <summary>A list used as a stack: its end is the top.</summary>
/// <remarks>The framework's own Stack lies in an assembly that nothing else on the way of a small edit needs; loading that costs 1 ms at
/// every start.</remarks>
internal static class ListStack
{
    public static void Push<T>(this List<T> stack, T item) => stack.Add(item);

    public static bool TryPeek<T>(this List<T> stack, [MaybeNullWhen(false)] out T top)
    {
        top = stack.Count > 0 ? stack[^1] : default;
        return stack.Count > 0;
    }

    public static T Pop<T>(this List<T> stack)
    {
        var top = stack[^1];
        stack.RemoveAt(stack.Count - 1);
        return top;
    }

    public static bool TryPop<T>(this List<T> stack, [MaybeNullWhen(false)] out T top)
    {
        top = default;
        if (stack.Count == 0)
            return false;
        top = stack.Pop();
        return true;
    }
}
