namespace Platter;

/// <summary>How far long work has come. Goes out through <see cref="IProgress{T}"/>, at most some ten times a second.</summary>
/// <param name="Stage">What is being done: <c>copying</c>, <c>checking clusters</c>.</param>
/// <param name="DoneBytes">Bytes dealt with so far.</param>
/// <param name="TotalBytes">Bytes in all, or null when not known.</param>
/// <param name="DoneItems">Entries (or other units) dealt with so far.</param>
/// <param name="TotalItems">Entries in all, or null when not known.</param>
/// <param name="Current">What is being worked on now, such as a path; null when there is nothing to name.</param>
public readonly record struct WorkProgress(
    string Stage, long DoneBytes, long? TotalBytes, long DoneItems, long? TotalItems, string? Current);
